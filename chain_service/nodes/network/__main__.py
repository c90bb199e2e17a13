"""`python -m chain_service.nodes.network DIR BINARY` is the supervisor."""

import sys

from chain_service.nodes.network.running.supervisor import main

sys.exit(main())
