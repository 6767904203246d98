"""Extensions of Sphinx that the site is built with; ``_config.yml`` names them."""
