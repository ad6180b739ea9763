"""`python -m mobilake` is the same as `mobilake`."""

from mobilake.cli import main

if __name__ == "__main__":
    main()
