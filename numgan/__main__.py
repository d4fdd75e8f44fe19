import sys

from numgan.app.cli import main

sys.exit(main())
