"""`python -m mockpbx`."""

from mockpbx.cli import main

if __name__ == "__main__":
    main()
