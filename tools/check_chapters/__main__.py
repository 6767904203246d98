"""Run the command."""

import sys

from tools.check_chapters import main

sys.exit(main())
