"""Is it still right: monitors of data, quality, bias and attribution, their alarms and dashboards."""
