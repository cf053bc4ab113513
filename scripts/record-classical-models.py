"""Records what statsmodels and statsforecast compute for small series, for the tests of the classical models.

    python3 -m venv venv && venv/bin/pip install statsmodels==0.15.0 statsforecast==2.1.1
    venv/bin/python scripts/record-classical-models.py > Tests/KedastralModelsTests/Models/Fixtures/ClassicalModels.json
"""

import json

import numpy as np
from statsforecast.theta import auto_theta, forecast_theta, thetamodel
from statsmodels.tsa.exponential_smoothing.ets import ETSModel
from statsmodels.tsa.seasonal import MSTL
from statsmodels.tsa.statespace.sarimax import SARIMAX


def rounded(values):
    return [float(f"{v:.10g}") for v in np.asarray(values, float)]


def published_multiplicative(series, alpha, gamma, level, parts, steps):
    """ETS(A,N,M) as Hyndman et al. (2008) write it: the season's error is divided by the level before the sample.

    statsmodels divides it by the level after the sample, unlike its own documentation; so its values differ a little.
    """
    parts, squares = list(parts), 0.0
    for index, value in enumerate(series):
        place = index % len(parts)
        error = value - level * parts[place]
        squares += error * error
        level, parts[place] = level + alpha * error / parts[place], parts[place] + gamma * error / level
    return squares, [level * parts[(len(series) + step) % len(parts)] for step in range(steps)]


def long_season(series):
    """A season too long for the exact likelihood: the conditional one, sample by sample (Box & Jenkins 1970)."""
    ar, ma, season = 0.5, -0.4, 40
    x = series[season:] - series[:-season]
    # (1 - 0.5 B) x = (1 - 0.4 B^40) e, the first sample unjudged.
    errors = np.zeros(len(x))
    for t in range(1, len(x)):
        errors[t] = x[t] - ar * x[t - 1] - (ma * errors[t - season] if t >= season else 0)
    squares = float((errors[1:] ** 2).sum())
    forecast = [x[-1]]
    for step in range(10):
        forecast.append(ar * forecast[-1] + ma * errors[len(x) + step - season])
    n = len(x) - 1
    # statsmodels' exact likelihood of the same process, to show how near the conditional one is.
    model = SARIMAX(series, order=(1, 0, 0), seasonal_order=(0, 1, 1, season), trend="n", concentrate_scale=True,
                    simple_differencing=True)
    fit = model.smooth([ar, ma])
    return {"season": season, "parameters": [ar, ma], "deviance": n * float(np.log(squares / n)),
            "forecast": rounded(forecast[1:]), "exactForecast": rounded(fit.forecast(10)),
            "deviation": float(np.sqrt(squares / n))}


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
        if season == "mul":
            sse, forecast = published_multiplicative(series, params[0], params[1], level, parts, 14)
            record["ets"][-1]["published"] = {"sse": sse, "forecast": rounded(forecast)}

    record["theta"] = []
    for alpha, theta, level in [(0.4, 2.0, 50.0), (0.8, 5.0, 95.0), (0.1, 1.0, 60.0)]:
        fit = thetamodel(series, 1, "DOTM", level, alpha, theta, 3)
        record["theta"].append({
            "smoothing": alpha, "theta": theta, "level": level,
            "meanSquare": float((fit["residuals"][3:] ** 2).mean()),
            "forecast": rounded(forecast_theta(fit, 8)["mean"]),
        })
    fit = auto_theta(series, 12, model="DOTM")
    record["thetaSeason"] = rounded(forecast_theta(fit, 14)["mean"])

    # Two seasons and an outlier, decomposed with everything computed, and with strides.
    two = series + np.round(30 * np.cos(2 * np.pi * index / 30), 3)
    two[70] *= 10
    record["multiSeason"] = {"series": rounded(two), "cases": []}
    for periods, strides in [((12,), (1, 1, 1)), ((12, 30), (1, 1, 1)), ((12, 30), (2, 3, 2))]:
        fit = MSTL(two, periods=periods, stl_kwargs={
            "robust": True, "seasonal_jump": strides[0], "trend_jump": strides[1], "low_pass_jump": strides[2]}).fit()
        seasonal = np.asarray(fit.seasonal).reshape(len(two), -1)
        record["multiSeason"]["cases"].append({
            "periods": list(periods), "strides": list(strides), "trend": rounded(fit.trend),
            "seasons": [rounded(seasonal[:, place]) for place in range(len(periods))],
        })

    long = np.round(np.tile(generator.normal(100, 20, 40), 6) + generator.normal(0, 5, 240), 3)
    record["longSeason"] = {"series": rounded(long), **long_season(long)}
    print(json.dumps(record, indent=1))


main()
