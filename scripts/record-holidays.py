"""Records the public holidays that the PyPI package `holidays` has, for the test of the countries' rules.

    python3 -m venv venv && venv/bin/pip install holidays==0.109
    venv/bin/python scripts/record-holidays.py > Tests/KedastralModelsTests/Calendar/Fixtures/Holidays.json

For each country and state: its holidays of each year, as month and day. Sundays themselves are left out, because a holiday on a Sunday
changes nothing, as are days that are holidays in one year only.
"""

import json

import holidays

YEARS = range(2024, 2036)
STATES = {
    "DE": ["BB", "BE", "BW", "BY", "HB", "HE", "HH", "MV", "NI", "NW", "RP", "SH", "SL", "SN", "ST", "TH"],
    "GB": ["ENG", "NIR", "SCT", "WLS"],
}
COUNTRIES = [
    "AT", "BE", "CH", "CZ", "DE", "DK", "ES", "FI", "FR", "GB", "IE", "IT", "NL", "NO", "PL", "PT", "SE", "US",
]
# Anniversaries and the like, by law of that year only.
ONCE = {"DE-BE": {"2025-05-08", "2028-06-17"}, "GB-SCT": {"2026-06-15"}}


def days(country, state, year):
    once = ONCE.get(f"{country}-{state}", set())
    options = {"include_sundays": False} if country == "SE" else {}
    known = getattr(holidays, country)(subdiv=state, years=year, language="en_US", **options)
    return sorted(day for day in known if day.year == year and day.weekday() != 6 and day.isoformat() not in once)


table = {}
for country in COUNTRIES:
    for state in [None] + STATES.get(country, []):
        name = f"{country}-{state}" if state else country
        table[name] = {str(year): [f"{day:%m-%d}" for day in days(country, state, year)] for year in YEARS}
lines = (f'  "{name}": {json.dumps(years)}' for name, years in table.items())
print("{\n" + ",\n".join(lines) + "\n}")
