"""Values and rules that know no screen, no database and no network: dataclasses and numpy."""
