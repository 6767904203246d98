"""Run the command."""

import sys

from tools.check_site import main

sys.exit(main())
