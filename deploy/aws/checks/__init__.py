"""Checks of the templates for what cfn-lint, checkov and cfn-guard do not see, and the proof that all of them see.

`python -m checks` reads the templates beside this package; `python -m checks.mutants` spoils them in every way that
`mutants/` lists and demands that the tool named there refuses each.
"""
