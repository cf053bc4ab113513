"""Records what statsmodels computes for small series, for the tests of the classical models.

    python3 -m venv venv && venv/bin/pip install statsmodels==0.15.0
    venv/bin/python scripts/record-classical-models.py > Tests/KedastralCoreTests/Models/Fixtures/ClassicalModels.json
"""

import json

import numpy as np
from statsmodels.tsa.exponential_smoothing.ets import ETSModel
from statsmodels.tsa.statespace.sarimax import SARIMAX


def rounded(values):
    return [float(f"{v:.10g}") for v in np.asarray(values, float)]


def main():
    generator = np.random.default_rng(7)
    index = np.arange(120)
    series = 100 + 0.3 * index + 20 * np.sin(2 * np.pi * index / 12) + generator.normal(0, 4, 120).cumsum() * 0.5
    series = np.round(series + generator.normal(0, 3, 120), 3)
    record = {"series": rounded(series), "arima": [], "ets": []}

    for order, seasonal, params in [
        ((2, 0, 1), (0, 0, 0, 0), [0.5, 0.2, 0.3]),
        ((1, 1, 1), (0, 0, 0, 0), [0.4, -0.6]),
        ((1, 0, 1), (1, 1, 1, 12), [0.6, -0.2, 0.3, -0.5]),
    ]:
        y = series - series.mean() if order[1] + seasonal[1] == 0 else series
        model = SARIMAX(y, order=order, seasonal_order=seasonal, trend="n", concentrate_scale=True, simple_differencing=True)
        best = model.fit(disp=0, maxiter=500)
        record["arima"].append({
            "order": list(order) + list(seasonal),
            "parameters": params,
            "logLikelihood": float(model.loglike(params)),
            "differencedForecast": rounded(model.smooth(params).forecast(6)),
            "bestLogLikelihood": float(best.llf),
        })

    for trend, damped, season in [(None, False, None), ("add", False, None), ("add", True, "add"), (None, False, "mul")]:
        level, slope = float(series[:12].mean()), 0.5
        parts = series[:12] - level if season == "add" else series[:12] / level
        params = [0.3] + ([0.05] if trend else []) + ([0.2] if season else []) + ([0.9] if damped else [])
        initial = {"initial_level": level}
        if trend:
            initial["initial_trend"] = slope
        if season:
            initial["initial_seasonal"] = parts
        model = ETSModel(series, error="add", trend=trend, damped_trend=damped, seasonal=season,
                         seasonal_periods=12 if season else None, initialization_method="known", **initial)
        states = [level] + ([slope] if trend else []) + (list(parts[::-1]) if season else [])
        fit = model.smooth(np.array(params + states))
        record["ets"].append({
            "trend": "damped" if damped else ("additive" if trend else "none"),
            "season": {"add": "additive", "mul": "multiplicative", None: "none"}[season],
            "parameters": params,
            "level": level,
            "slope": slope if trend else 0,
            "parts": rounded(parts) if season else [],
            "sse": float(fit.sse),
            "forecast": rounded(fit.forecast(14)),
            "bestSSE": float(model.fit(disp=0).sse),
        })
    print(json.dumps(record, indent=1))


main()
