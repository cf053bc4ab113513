"""Forecasts by Prophet behind Kedastral's contract for models of one's own: service.py [PORT].

POST /predict {"now", "horizonSeconds", "stepSeconds", "features": [{"ts", "value"}…]} answers {"metric", "values", "quantiles"};
GET /healthz says that it is there.
"""
import http.server
import json
import logging
import sys

import numpy as np
import pandas as pd
from prophet import Prophet

LEVELS = [0.5, 0.75, 0.9, 0.95, 0.99]
# A longer history is averaged to so many points: Prophet's curves are smooth, and its fit takes a second instead of ten.
MOST_POINTS = 2000


def predict(question):
    step, horizon = float(question["stepSeconds"]), float(question["horizonSeconds"])
    frame = pd.DataFrame({
        "ds": pd.to_datetime([one["ts"] for one in question["features"]], utc=True).tz_localize(None),
        "y": [float(one["value"]) for one in question["features"]],
    })
    if len(frame) < 10:
        raise ValueError(f"{len(frame)} samples; at least 10 are needed")
    if len(frame) > MOST_POINTS:
        blocks = np.arange(len(frame)) // -(-len(frame) // MOST_POINTS)
        frame = frame.groupby(blocks).agg({"ds": "max", "y": "mean"})
    days = (frame["ds"].max() - frame["ds"].min()) / pd.Timedelta(days=1)
    model = Prophet(daily_seasonality=days >= 2, weekly_seasonality=days >= 14, yearly_seasonality=False)
    if days < 2:
        model.add_seasonality("hourly", period=1 / 24, fourier_order=8)
    model.fit(frame)
    # Value i is the load of the step that ends (i + 1) steps from now.
    now = pd.to_datetime(question["now"], utc=True).tz_localize(None)
    steps = int(np.ceil(horizon / step))
    future = pd.DataFrame({"ds": [now + pd.Timedelta(seconds=step * (i + 1)) for i in range(steps)]})
    samples = np.maximum(model.predictive_samples(future)["yhat"], 0)
    return {
        "metric": "prophet",
        "values": np.quantile(samples, 0.5, axis=1).tolist(),
        "quantiles": {str(level): np.quantile(samples, level, axis=1).tolist() for level in LEVELS},
    }


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.answer(*((200, {"status": "ok"}) if self.path == "/healthz" else (404, {"error": "POST /predict"})))

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        try:
            if self.path != "/predict":
                return self.answer(404, {"error": "POST /predict"})
            self.answer(200, predict(json.loads(body)))
        except (KeyError, TypeError, ValueError) as error:
            self.answer(400, {"error": f"cannot forecast: {error!r}"})

    def answer(self, status, document):
        body = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


if __name__ == "__main__":
    logging.getLogger("cmdstanpy").setLevel(logging.ERROR)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1]) if len(sys.argv) > 1 else 8083), Handler)
    print(f"forecasting on http://127.0.0.1:{server.server_port}", flush=True)
    server.serve_forever()
