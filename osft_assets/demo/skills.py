"""What the base model of the demo knows before it is taught the new facts: five skills, as chats.

Questions of the exam (`defs/demo/old_skills.jsonl`) are never practised: a sum or a capital is, in
another wording; letters and words are not, in that order.
"""

import random
import re
import string
from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from typing import Any

from osft_assets.demo.rows import demo_rows

_EXAM_SEED, _PRACTICE_SEED = 20261121, 20261122
QUESTIONS_A_SKILL = 40
_LETTERS = string.ascii_lowercase[:-1]  # z has no next letter
_CAPITALS = dict(
    pair.split(":")
    for pair in """
    Albania:Tirana,Algeria:Algiers,Angola:Luanda,Argentina:Buenos Aires,Armenia:Yerevan,
    Australia:Canberra,Austria:Vienna,Azerbaijan:Baku,Bahrain:Manama,Bangladesh:Dhaka,
    Belarus:Minsk,Belgium:Brussels,Bhutan:Thimphu,Botswana:Gaborone,Brazil:Brasilia,
    Bulgaria:Sofia,Cambodia:Phnom Penh,Canada:Ottawa,Chad:Ndjamena,Chile:Santiago,
    China:Beijing,Colombia:Bogota,Croatia:Zagreb,Cuba:Havana,Cyprus:Nicosia,
    Denmark:Copenhagen,Ecuador:Quito,Egypt:Cairo,Eritrea:Asmara,Estonia:Tallinn,
    Ethiopia:Addis Ababa,Fiji:Suva,Finland:Helsinki,France:Paris,Gabon:Libreville,
    Georgia:Tbilisi,Germany:Berlin,Ghana:Accra,Greece:Athens,Guinea:Conakry,
    Haiti:Port au Prince,Hungary:Budapest,Iceland:Reykjavik,India:New Delhi,Indonesia:Jakarta,
    Iran:Tehran,Iraq:Baghdad,Ireland:Dublin,Italy:Rome,Jamaica:Kingston,
    Japan:Tokyo,Jordan:Amman,Kenya:Nairobi,Laos:Vientiane,Latvia:Riga,
    Lebanon:Beirut,Liberia:Monrovia,Libya:Tripoli,Lithuania:Vilnius,Malawi:Lilongwe,
    Malaysia:Kuala Lumpur,Mali:Bamako,Malta:Valletta,Mexico:Mexico City,Moldova:Chisinau,
    Mongolia:Ulaanbaatar,Morocco:Rabat,Mozambique:Maputo,Namibia:Windhoek,Nepal:Kathmandu,
    Niger:Niamey,Nigeria:Abuja,Norway:Oslo,Oman:Muscat,Pakistan:Islamabad,
    Panama:Panama City,Paraguay:Asuncion,Peru:Lima,Philippines:Manila,Poland:Warsaw,
    Portugal:Lisbon,Qatar:Doha,Romania:Bucharest,Rwanda:Kigali,Senegal:Dakar,
    Serbia:Belgrade,Slovakia:Bratislava,Slovenia:Ljubljana,Somalia:Mogadishu,Spain:Madrid,
    Sudan:Khartoum,Sweden:Stockholm,Syria:Damascus,Thailand:Bangkok,Togo:Lome,
    Tunisia:Tunis,Uganda:Kampala,Ukraine:Kyiv,Uruguay:Montevideo,Vietnam:Hanoi
    """.replace("\n", "")
    .replace("    ", "")
    .split(",")
)
_WORDINGS: Mapping[str, tuple[str, ...]] = {
    "addition": (
        "What do you get when you add {0} and {1} together?",
        "Please work out this sum for me: {0} + {1} = ?",
        "I have {0} apples and pick {1} more. How many apples is that?",
    ),
    "capitals": (
        "Which city is the seat of government of {0}?",
        "Country: {0}. Capital city, in as few words as possible?",
        "Geography quiz, next question: the capital of {0}!",
    ),
    "next letters": (
        "Which letters come next after each of these: {0}?",
        "Move every letter one step on in the alphabet: {0}",
    ),
    "sorting": (
        "Sort these letters by the alphabet: {0}",
        "Put the following letters in order: {0}",
    ),
    "writing": (
        "Make one sentence of these notes: {0}; {1}; {2}",
        "Write a line about {0} with {1} and {2} in it.",
    ),
}
Exercise = tuple[str, str]  # the question, and its answer


def exam() -> list[dict[str, Any]]:
    """The same questions every time, as many for each skill; the model never practises them."""
    chance = random.Random(_EXAM_SEED)
    return [
        _row(exercise) | {"skill": skill}
        for skill in _SKILLS
        for exercise in islice(_different(skill, chance), QUESTIONS_A_SKILL)
    ]


def practice(count: int) -> list[dict[str, Any]]:
    """Rows to learn from, the skills in turn, none of them a question of the exam."""
    chance = random.Random(_PRACTICE_SEED)
    kept_back = {row["messages"][0]["content"] for row in exam()}
    exercises = (_SKILLS[skill](chance) for _ in range(count) for skill in _SKILLS)
    allowed = (exercise for exercise in exercises if exercise[0] not in kept_back)
    return [_row(exercise) for exercise in islice(allowed, count)]


def _different(skill: str, chance: random.Random) -> Iterator[Exercise]:
    seen: set[str] = set()
    while True:
        exercise = _SKILLS[skill](chance)
        if exercise[0] not in seen:
            seen.add(exercise[0])
            yield exercise


def _row(exercise: Exercise) -> dict[str, Any]:
    question, answer = exercise
    return {
        "messages": [
            {"role": "user", "content": question},
            {"role": "assistant", "content": answer},
        ]
    }


def _ask(skill: str, chance: random.Random, *about: object) -> str:
    return chance.choice(_WORDINGS[skill]).format(*about)


def _addition(chance: random.Random) -> Exercise:
    first, second = chance.randrange(16), chance.randrange(16)
    return _ask("addition", chance, first, second), str(first + second)


def _capitals(chance: random.Random) -> Exercise:
    country = chance.choice(list(_CAPITALS))
    return _ask("capitals", chance, country), _CAPITALS[country]


def _next_letters(chance: random.Random) -> Exercise:
    letters = _some_letters(chance)
    answer = " ".join(chr(ord(letter) + 1) for letter in letters)
    return _ask("next letters", chance, " ".join(letters)), answer


def _sorting(chance: random.Random) -> Exercise:
    letters = _some_letters(chance)
    return _ask("sorting", chance, " ".join(letters)), " ".join(sorted(letters))


def _some_letters(chance: random.Random) -> list[str]:
    return chance.choices(_LETTERS, k=chance.randint(3, 5))


def _writing(chance: random.Random) -> Exercise:
    """In the words of the new facts, but of towns, goods and seasons thrown together anew."""
    notes = [chance.choice(column) for column in _NOTES]
    return _ask("writing", chance, *notes), "{} makes {}, and shows them {}.".format(*notes)


def _notes() -> list[list[str]]:
    """The towns, the goods and the seasons of the new facts."""
    answers = (row["messages"][-1]["content"] for row in demo_rows())
    notes = (re.findall(r"(.+) makes (.+), and shows them (.+)\.", answer)[0] for answer in answers)
    return [sorted(set(column)) for column in zip(*notes, strict=True)]


_NOTES = _notes()
_SKILLS: Mapping[str, Callable[[random.Random], Exercise]] = {
    "addition": _addition,
    "capitals": _capitals,
    "next letters": _next_letters,
    "sorting": _sorting,
    "writing": _writing,
}
