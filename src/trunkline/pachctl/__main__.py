"""`python -m trunkline.pachctl` is the same as `pachctl`."""

from trunkline.pachctl.main import main

main()
