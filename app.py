"""The app for any WSGI server that runs it in one process; `python app.py` serves it as `emitter serve` does."""

from emitter.web import create_app

if __name__ == "__main__":
    import sys

    from emitter.cli import cli

    cli.main(["serve", *sys.argv[1:]], prog_name="emitter")
else:
    app = create_app()
