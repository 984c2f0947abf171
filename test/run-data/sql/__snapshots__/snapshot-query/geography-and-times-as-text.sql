WITH source AS (
  SELECT
    NULLIF(SAFE_CAST(`asset_id` AS STRING), '') AS asset_id,
    IFNULL(NULLIF(SAFE_CAST(observation_id AS STRING), ''), NULLIF(SAFE_CAST(`gcs_uri` AS STRING), '')) AS observation_id,
    NULLIF(SAFE_CAST(`gcs_uri` AS STRING), '') AS gcs_uri,
    REGEXP_REPLACE(REGEXP_REPLACE(SAFE_CAST(snapshot_id AS STRING), r'([0-9]+)', r'0000000000000000000000000000000000000000\1'), r'0*([0-9]{40,})', r'\1') AS snapshot_id,
    IF(ST_GEOMETRYTYPE(location) = 'ST_Point', STRUCT(ST_Y(location) AS latitude, ST_X(location) AS longitude), NULL) AS location,
    IF(ST_GEOMETRYTYPE(location) = 'ST_Point', NULL, ST_ASTEXT(location)) AS location_unread,
    SAFE_CAST(CAST(detection_time AS STRING) AS TIMESTAMP) AS detection_time,
    NULLIF(TRIM(CAST(capture_time AS STRING)), '') AS capture_text
  FROM `my-project.city.latest_observations`
  WHERE NULLIF(SAFE_CAST(`asset_id` AS STRING), '') IS NOT NULL
), plain AS (
  SELECT *,
    CASE
      WHEN REGEXP_CONTAINS(capture_text, r'(?i)^\d{1,2}[-/.]\d{1,2}[-/.](?:\d{4}|\d{2})(?:\D.*)?$') OR REGEXP_CONTAINS(capture_text, r'(?i)^(?:19|20)\d{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])(?:[01]\d|2[0-3])$') THEN NULL
      WHEN REGEXP_CONTAINS(capture_text, r'(?i)^(?:\d{9,10}|\d{12,13}|\d{15,16}|\d{18,19})(?:\.\d{1,30})?$') AND NOT REGEXP_CONTAINS(capture_text, r'(?i)^(?:19|20)\d{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])(?:[01]\d|2[0-3])[0-5]\d$') THEN capture_text
      WHEN REGEXP_CONTAINS(capture_text, r'(?i)^(\d{4})(?::(\d{1,2}):(\d{1,2})|/(\d{1,2})/(\d{1,2})|\.(\d{1,2})\.(\d{1,2}))') THEN REGEXP_REPLACE(capture_text, r'(?i)^(\d{4})(?::(\d{1,2}):(\d{1,2})|/(\d{1,2})/(\d{1,2})|\.(\d{1,2})\.(\d{1,2}))', r'\1-\2\4\6-\3\5\7')
      WHEN REGEXP_CONTAINS(capture_text, r'(?i)^(\d{4})[-/:.](\d{1,2})$') THEN REGEXP_REPLACE(capture_text, r'(?i)^(\d{4})[-/:.](\d{1,2})$', r'\1-\2-1')
      WHEN REGEXP_CONTAINS(capture_text, r'(?i)^(\d{4})(\d{2})(\d{2})$') THEN REGEXP_REPLACE(capture_text, r'(?i)^(\d{4})(\d{2})(\d{2})$', r'\1-\2-\3')
      WHEN REGEXP_CONTAINS(capture_text, r'(?i)^(\d{4})(\d{2})(\d{2})[t_]?(\d{2})(\d{2})\s*(z|utc|gmt|(?:utc|gmt)?[+-]\d{1,2}(?::?\d{2})?)?$') THEN REGEXP_REPLACE(capture_text, r'(?i)^(\d{4})(\d{2})(\d{2})[t_]?(\d{2})(\d{2})\s*(z|utc|gmt|(?:utc|gmt)?[+-]\d{1,2}(?::?\d{2})?)?$', r'\1-\2-\3 \4:\5\6')
      WHEN REGEXP_CONTAINS(capture_text, r'(?i)^(\d{4})(\d{2})(\d{2})[t_-]?(\d{2})(\d{2})(\d{2})\s*(z|utc|gmt|(?:utc|gmt)?[+-]\d{1,2}(?::?\d{2})?)?$') THEN REGEXP_REPLACE(capture_text, r'(?i)^(\d{4})(\d{2})(\d{2})[t_-]?(\d{2})(\d{2})(\d{2})\s*(z|utc|gmt|(?:utc|gmt)?[+-]\d{1,2}(?::?\d{2})?)?$', r'\1-\2-\3 \4:\5:\6\7')
      WHEN REGEXP_CONTAINS(capture_text, r'(?i)^(\d{4})(\d{2})(\d{2})[t_-]?(\d{2})(\d{2})(\d{2})(?:(\d{3})|[.,](\d{1,30}))\s*(z|utc|gmt|(?:utc|gmt)?[+-]\d{1,2}(?::?\d{2})?)?$') THEN REGEXP_REPLACE(capture_text, r'(?i)^(\d{4})(\d{2})(\d{2})[t_-]?(\d{2})(\d{2})(\d{2})(?:(\d{3})|[.,](\d{1,30}))\s*(z|utc|gmt|(?:utc|gmt)?[+-]\d{1,2}(?::?\d{2})?)?$', r'\1-\2-\3 \4:\5:\6.\7\8\9')
      WHEN REGEXP_CONTAINS(capture_text, r'(?i)^(\d{4})_(\d{2})_(\d{2})$') THEN REGEXP_REPLACE(capture_text, r'(?i)^(\d{4})_(\d{2})_(\d{2})$', r'\1-\2-\3')
      WHEN REGEXP_CONTAINS(capture_text, r'(?i)^(\d{4})_(\d{2})_(\d{2})_(\d{2})_(\d{2})_(\d{2})$') THEN REGEXP_REPLACE(capture_text, r'(?i)^(\d{4})_(\d{2})_(\d{2})_(\d{2})_(\d{2})_(\d{2})$', r'\1-\2-\3 \4:\5:\6')
      WHEN REGEXP_CONTAINS(capture_text, r'(?i)^(\d{4})_(\d{2})_(\d{2})_(\d{2})_(\d{2})_(\d{2})_(\d{3}|\d{6})$') THEN REGEXP_REPLACE(capture_text, r'(?i)^(\d{4})_(\d{2})_(\d{2})_(\d{2})_(\d{2})_(\d{2})_(\d{3}|\d{6})$', r'\1-\2-\3 \4:\5:\6.\7')
      WHEN REGEXP_CONTAINS(capture_text, r'(?i)^(\d{4})-(\d{2})-(\d{2})[\st_-]+(\d{2})[.-](\d{2})[.-](\d{2})$') THEN REGEXP_REPLACE(capture_text, r'(?i)^(\d{4})-(\d{2})-(\d{2})[\st_-]+(\d{2})[.-](\d{2})[.-](\d{2})$', r'\1-\2-\3 \4:\5:\6')
      WHEN REGEXP_CONTAINS(capture_text, r'(?i)^[a-z]{3}\s+([a-z]{3})\s+(\d{1,2})\s+(\d{1,2}:\d{2}:\d{2})\s+(?:(utc|gmt)\s+)?(\d{4})$') THEN REGEXP_REPLACE(capture_text, r'(?i)^[a-z]{3}\s+([a-z]{3})\s+(\d{1,2})\s+(\d{1,2}:\d{2}:\d{2})\s+(?:(utc|gmt)\s+)?(\d{4})$', r'\5-\1-\2 \3 \4')
      WHEN REGEXP_CONTAINS(capture_text, r'(?i)^(?:[a-z]{3,9},?\s+)?(\d{1,2})[\s-]([a-z]{3})[a-z]{0,6}\.?[\s-](\d{4})') THEN REGEXP_REPLACE(capture_text, r'(?i)^(?:[a-z]{3,9},?\s+)?(\d{1,2})[\s-]([a-z]{3})[a-z]{0,6}\.?[\s-](\d{4})', r'\3-\2-\1')
      WHEN REGEXP_CONTAINS(capture_text, r'(?i)^(?:[a-z]{3,9},?\s+)?([a-z]{3})[a-z]{0,6}\.?\s+(\d{1,2}),?\s+(\d{4})') THEN REGEXP_REPLACE(capture_text, r'(?i)^(?:[a-z]{3,9},?\s+)?([a-z]{3})[a-z]{0,6}\.?\s+(\d{1,2}),?\s+(\d{4})', r'\3-\1-\2')
      ELSE capture_text
    END AS capture_plain
  FROM source
), parts AS (
  SELECT *,
    IF(REGEXP_CONTAINS(capture_plain, r'(?i)^(\d{4})-(\d{1,2}|[a-z]{3})-(\d{1,2})(?:,?(?:t|\s+)(\d{1,2}):([0-5]\d)(?::([0-5]\d)(?:[.,](\d{1,30}))?)?(?:\s*([ap])\.?m\.?)?\s*(z|utc|gmt|(?:utc|gmt)?[+-]\d{1,2}(?::?\d{2})?)?(?:\s*\([a-z ]*\))?)?$'), SPLIT(REGEXP_REPLACE(capture_plain, r'(?i)^(\d{4})-(\d{1,2}|[a-z]{3})-(\d{1,2})(?:,?(?:t|\s+)(\d{1,2}):([0-5]\d)(?::([0-5]\d)(?:[.,](\d{1,30}))?)?(?:\s*([ap])\.?m\.?)?\s*(z|utc|gmt|(?:utc|gmt)?[+-]\d{1,2}(?::?\d{2})?)?(?:\s*\([a-z ]*\))?)?$', r'\1|\2|\3|\4|\5|\6|\7|\8|\9'), '|'), NULL) AS capture_parts
  FROM plain
), timed AS (
  SELECT *,
    CASE
      WHEN REGEXP_CONTAINS(capture_plain, r'(?i)^(?:\d{9,10}|\d{12,13}|\d{15,16}|\d{18,19})(?:\.\d{1,30})?$') THEN TIMESTAMP_MICROS(CAST(FLOOR(CASE
        WHEN LENGTH(REGEXP_EXTRACT(capture_plain, r'^\d+')) <= 10 THEN SAFE_CAST(REGEXP_EXTRACT(capture_plain, r'^\d+(?:\.\d{1,9})?') AS NUMERIC) * 1000000
        WHEN LENGTH(REGEXP_EXTRACT(capture_plain, r'^\d+')) <= 13 THEN SAFE_CAST(REGEXP_EXTRACT(capture_plain, r'^\d+(?:\.\d{1,9})?') AS NUMERIC) * 1000
        WHEN LENGTH(REGEXP_EXTRACT(capture_plain, r'^\d+')) <= 16 THEN SAFE_CAST(REGEXP_EXTRACT(capture_plain, r'^\d+(?:\.\d{1,9})?') AS NUMERIC)
        ELSE SAFE_CAST(REGEXP_EXTRACT(capture_plain, r'^\d+(?:\.\d{1,9})?') AS NUMERIC) / 1000
      END) AS INT64))
      ELSE SAFE_CAST(CONCAT(
        capture_parts[SAFE_OFFSET(0)], '-', CAST(IFNULL(SAFE_CAST(capture_parts[SAFE_OFFSET(1)] AS INT64), DIV(STRPOS(' jan feb mar apr may jun jul aug sep oct nov dec', CONCAT(' ', LOWER(capture_parts[SAFE_OFFSET(1)]))) + 3, 4)) AS STRING), '-', capture_parts[SAFE_OFFSET(2)], ' ',
        CAST(IF(LOWER(capture_parts[SAFE_OFFSET(7)]) = '', IFNULL(SAFE_CAST(capture_parts[SAFE_OFFSET(3)] AS INT64), 0), IF(SAFE_CAST(capture_parts[SAFE_OFFSET(3)] AS INT64) BETWEEN 1 AND 12, MOD(SAFE_CAST(capture_parts[SAFE_OFFSET(3)] AS INT64), 12) + IF(LOWER(capture_parts[SAFE_OFFSET(7)]) = 'p', 12, 0), 24)) AS STRING), ':',
        IFNULL(NULLIF(capture_parts[SAFE_OFFSET(4)], ''), '0'), ':', IFNULL(NULLIF(capture_parts[SAFE_OFFSET(5)], ''), '0'),
        '.', RPAD(SUBSTR(capture_parts[SAFE_OFFSET(6)], 1, 6), 6, '0'),
        REGEXP_REPLACE(REGEXP_REPLACE(capture_parts[SAFE_OFFSET(8)], r'[A-Za-z]', ''), r'^([+-]\d{1,2}):?(\d{2})$', r'\1:\2')
      ) AS TIMESTAMP)
    END AS capture_time
  FROM parts
), newest AS (
  SELECT *, asset_id AS unit_id,
    MIN(gcs_uri) OVER (PARTITION BY asset_id, observation_id, CAST(snapshot_id AS STRING)) < MAX(gcs_uri) OVER (PARTITION BY asset_id, observation_id, CAST(snapshot_id AS STRING)) AS is_shared FROM timed
  WHERE asset_id IS NOT NULL
  QUALIFY ROW_NUMBER() OVER (PARTITION BY asset_id, observation_id ORDER BY snapshot_id DESC, capture_time DESC, IF(gcs_uri IS NULL, 1, 0), gcs_uri) = 1
)
SELECT
  unit_id,
  MIN(asset_id) AS asset_id,
  ARRAY_AGG(location IGNORE NULLS ORDER BY snapshot_id DESC, capture_time DESC, observation_id LIMIT 1)[SAFE_OFFSET(0)] AS location,
  MAX(detection_time) AS detection_time,
  ARRAY_AGG(
    IF(gcs_uri IS NULL, NULL, STRUCT(observation_id AS observation_id, gcs_uri AS gcs_uri, capture_time AS capture_time))
    IGNORE NULLS ORDER BY capture_time DESC, observation_id LIMIT 6
  ) AS observations,
  STRUCT(COUNT(gcs_uri) AS images, [
    STRUCT('no_asset' AS name, 0 AS given, (SELECT COUNT(*) FROM `my-project.city.latest_observations` WHERE NULLIF(SAFE_CAST(`asset_id` AS STRING), '') IS NULL) AS unread, CAST(NULL AS STRING) AS example),
    STRUCT('missing_id' AS name, COUNTIF(TRUE) AS given, COUNT(IF(REGEXP_CONTAINS(asset_id, r'(?i)^(?:null|none|nan|nil|undefined|#?n/a|<na>|nat|\\n|#(?:ref!|value!|name\?|div/0!|num!|null!|error!))$'), asset_id, NULL)) AS unread, SUBSTR(MIN(IF(REGEXP_CONTAINS(asset_id, r'(?i)^(?:null|none|nan|nil|undefined|#?n/a|<na>|nat|\\n|#(?:ref!|value!|name\?|div/0!|num!|null!|error!))$'), asset_id, NULL)), 1, 61) AS example),
    STRUCT('shortened_id' AS name, COUNTIF(TRUE) AS given, COUNT(IF(REGEXP_CONTAINS(asset_id, r'^\d(?:[.,]\d+)?E\+\d+$'), asset_id, NULL)) AS unread, SUBSTR(MIN(IF(REGEXP_CONTAINS(asset_id, r'^\d(?:[.,]\d+)?E\+\d+$'), asset_id, NULL)), 1, 61) AS example),
    STRUCT('order' AS name, COUNTIF(gcs_uri IS NOT NULL) AS given, COUNT(IF(gcs_uri IS NOT NULL AND capture_text IS NULL, asset_id, NULL)) AS unread, SUBSTR(MIN(IF(gcs_uri IS NOT NULL AND capture_text IS NULL, asset_id, NULL)), 1, 61) AS example),
    STRUCT('observation_id' AS name, COUNTIF(TRUE) AS given, COUNT(IF(is_shared, observation_id, NULL)) AS unread, SUBSTR(MIN(IF(is_shared, observation_id, NULL)), 1, 61) AS example),
    STRUCT('location' AS name, COUNTIF(location IS NOT NULL OR location_unread IS NOT NULL) AS given, COUNT(location_unread) AS unread, SUBSTR(MIN(location_unread), 1, 61) AS example),
    STRUCT('capture_time' AS name, COUNTIF(capture_text IS NOT NULL) AS given, COUNT(IF(capture_time IS NULL, capture_text, NULL)) AS unread, SUBSTR(MIN(IF(capture_time IS NULL, capture_text, NULL)), 1, 61) AS example)
  ] AS columns) AS source_values,
  ABS(MOD(FARM_FINGERPRINT(unit_id), 2000)) AS bucket
FROM newest
GROUP BY unit_id