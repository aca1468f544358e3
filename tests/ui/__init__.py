"""The UI as a user sees it: `dagster dev` in a real browser, small pipelines that really train.

`make test-ui`; the pictures of docs/ come from here too, see docs/ui.md.
"""
