"""Run the command."""

import sys

from tools.check_site import main
from tools.processes import ended_together

with ended_together():
    sys.exit(main())
