"""Run the command."""

import sys

from tools.notebooks import main

sys.exit(main())
