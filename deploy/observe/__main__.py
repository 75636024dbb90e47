"""Write the generated files, or check that they are up to date: `python -m deploy.observe write|check`."""

import sys

from deploy.observe.reference import ROOT, files


def main(action: str) -> None:
    """Write or check.

    :raises SystemExit: one of the files is stale, or the action is neither.
    """
    if action == "write":
        for path, text in files().items():
            path.write_text(text, encoding="utf-8")
        return
    if action != "check":
        sys.exit("say `python -m deploy.observe write` or `check`")
    stale = [path for path, text in files().items() if not path.exists() or path.read_text(encoding="utf-8") != text]
    if stale:
        named = ", ".join(str(path.relative_to(ROOT)) for path in stale)
        sys.exit(f"{named} is not what the code says: run `make schema` and commit the result.")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "")
