"""`python -m trunkline.pachd` is `pachd`."""

from trunkline.pachd.main import main

if __name__ == "__main__":
    main()
