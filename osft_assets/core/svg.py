"""Parts of pictures: a frame with a title and a description for who cannot see it, and text.

Colours are variables with a default. A page may set them for its dark mode; a picture that stands
alone, as in Dagster's markdown, brings its own white paper.
"""

from html import escape

from osft_assets.core.markup import clean

INK, MUTED, RULE = "var(--ink, #1f2328)", "var(--muted, #57606a)", "var(--rule, #c4cad1)"
_PAPER = "var(--paper, #ffffff)"


def picture(name: str, words: tuple[str, str], size: tuple[float, float], body: str) -> str:
    """A picture of a width and a height. `words`: its title and its description."""
    title, description = (escape(clean(text)) for text in words)
    width, height = size
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" '
        f'width="{width:.0f}" height="{height:.0f}" font-family="sans-serif" font-size="12" '
        f'role="img" aria-labelledby="{name}-title {name}-description">'
        f'<title id="{name}-title">{title}</title>'
        f'<desc id="{name}-description">{description}</desc>'
        f'<rect width="100%" height="100%" rx="6" fill="{_PAPER}"/>{body}</svg>'
    )


def text(x: float, y: float, words: str, more: str = "") -> str:
    """Words that begin at a place. `more`: other attributes, such as text-anchor."""
    colour = "" if "fill=" in more else f' fill="{INK}"'
    return f'<text x="{x:.1f}" y="{y:.1f}"{colour} {more}>{escape(clean(words))}</text>'


def line(begin: tuple[float, float], end: tuple[float, float], more: str) -> str:
    """A line from a place to a place."""
    (x1, y1), (x2, y2) = begin, end
    return f'<path fill="none" d="M{x1:.1f} {y1:.1f}L{x2:.1f} {y2:.1f}" {more}/>'
