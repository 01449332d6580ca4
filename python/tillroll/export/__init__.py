"""Sales rows as Parquet files: what comes with the extra `[export]`.

`Db.sales.export()` is its face. The rows come from a scan, batch by batch; pyarrow writes them.
"""

from tillroll.export.run import export
from tillroll.export.summary import ExportProgress, ExportSummary

__all__ = ["ExportProgress", "ExportSummary", "export"]
