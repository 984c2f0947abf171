WITH source AS (
  SELECT
    NULLIF(SAFE_CAST(`pole` AS STRING), '') AS asset_id,
    NULLIF(SAFE_CAST(`photo` AS STRING), '') AS observation_id,
    NULLIF(SAFE_CAST(`photo` AS STRING), '') AS gcs_uri,
    '' AS snapshot_id,
    CAST(NULL AS STRUCT<latitude FLOAT64, longitude FLOAT64>) AS location,
    CAST(NULL AS TIMESTAMP) AS detection_time,
    CAST(NULL AS TIMESTAMP) AS capture_time
  FROM `my-project.city.latest_observations`
  WHERE NULLIF(SAFE_CAST(`pole` AS STRING), '') IS NOT NULL
), newest AS (
  SELECT *, asset_id AS unit_id FROM source
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
    STRUCT('no_asset' AS name, 0 AS given, (SELECT COUNT(*) FROM `my-project.city.latest_observations` WHERE NULLIF(SAFE_CAST(`pole` AS STRING), '') IS NULL) AS unread, CAST(NULL AS STRING) AS example),
    STRUCT('missing_id' AS name, COUNTIF(TRUE) AS given, COUNT(IF(REGEXP_CONTAINS(asset_id, r'(?i)^(?:null|none|nan|nil|undefined|#?n/a|<na>|nat|\\n|#(?:ref!|value!|name\?|div/0!|num!|null!|error!))$'), asset_id, NULL)) AS unread, SUBSTR(MIN(IF(REGEXP_CONTAINS(asset_id, r'(?i)^(?:null|none|nan|nil|undefined|#?n/a|<na>|nat|\\n|#(?:ref!|value!|name\?|div/0!|num!|null!|error!))$'), asset_id, NULL)), 1, 61) AS example),
    STRUCT('shortened_id' AS name, COUNTIF(TRUE) AS given, COUNT(IF(REGEXP_CONTAINS(asset_id, r'^\d(?:[.,]\d+)?E\+\d+$'), asset_id, NULL)) AS unread, SUBSTR(MIN(IF(REGEXP_CONTAINS(asset_id, r'^\d(?:[.,]\d+)?E\+\d+$'), asset_id, NULL)), 1, 61) AS example),
    STRUCT('order' AS name, COUNTIF(gcs_uri IS NOT NULL) AS given, COUNT(IF(gcs_uri IS NOT NULL AND capture_time IS NULL, asset_id, NULL)) AS unread, SUBSTR(MIN(IF(gcs_uri IS NOT NULL AND capture_time IS NULL, asset_id, NULL)), 1, 61) AS example)
  ] AS columns) AS source_values,
  ABS(MOD(FARM_FINGERPRINT(unit_id), 2000)) AS bucket
FROM newest
GROUP BY unit_id