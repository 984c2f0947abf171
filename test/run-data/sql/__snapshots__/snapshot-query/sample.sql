WITH source AS (
  SELECT
    NULLIF(SAFE_CAST(`asset_id` AS STRING), '') AS asset_id,
    IFNULL(NULLIF(SAFE_CAST(observation_id AS STRING), ''), NULLIF(SAFE_CAST(`gcs_uri` AS STRING), '')) AS observation_id,
    NULLIF(SAFE_CAST(`gcs_uri` AS STRING), '') AS gcs_uri,
    REGEXP_REPLACE(REGEXP_REPLACE(SAFE_CAST(snapshot_id AS STRING), r'([0-9]+)', r'0000000000000000000000000000000000000000\1'), r'0*([0-9]{40,})', r'\1') AS snapshot_id,
    IF(SAFE_CAST(location.latitude AS FLOAT64) BETWEEN -90 AND 90 AND SAFE_CAST(location.longitude AS FLOAT64) BETWEEN -180 AND 180, STRUCT(SAFE_CAST(location.latitude AS FLOAT64) AS latitude, SAFE_CAST(location.longitude AS FLOAT64) AS longitude), NULL) AS location,
    IF(SAFE_CAST(location.latitude AS FLOAT64) BETWEEN -90 AND 90 AND SAFE_CAST(location.longitude AS FLOAT64) BETWEEN -180 AND 180, NULL, IF(NULLIF(CAST(location.latitude AS STRING), '') IS NOT NULL OR NULLIF(CAST(location.longitude AS STRING), '') IS NOT NULL, CONCAT(IFNULL(CAST(location.latitude AS STRING), 'null'), ', ', IFNULL(CAST(location.longitude AS STRING), 'null')), NULL)) AS location_unread,
    detection_time AS detection_time,
    capture_time AS capture_time
  FROM `my-project.city.latest_observations`
  WHERE NULLIF(SAFE_CAST(`asset_id` AS STRING), '') IS NOT NULL
), newest AS (
  SELECT *, asset_id AS unit_id,
    MIN(gcs_uri) OVER (PARTITION BY asset_id, observation_id, CAST(snapshot_id AS STRING)) < MAX(gcs_uri) OVER (PARTITION BY asset_id, observation_id, CAST(snapshot_id AS STRING)) AS is_shared FROM source
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
    STRUCT('order' AS name, COUNTIF(gcs_uri IS NOT NULL) AS given, COUNT(IF(gcs_uri IS NOT NULL AND capture_time IS NULL, asset_id, NULL)) AS unread, SUBSTR(MIN(IF(gcs_uri IS NOT NULL AND capture_time IS NULL, asset_id, NULL)), 1, 61) AS example),
    STRUCT('observation_id' AS name, COUNTIF(TRUE) AS given, COUNT(IF(is_shared, observation_id, NULL)) AS unread, SUBSTR(MIN(IF(is_shared, observation_id, NULL)), 1, 61) AS example),
    STRUCT('location' AS name, COUNTIF(location IS NOT NULL OR location_unread IS NOT NULL) AS given, COUNT(location_unread) AS unread, SUBSTR(MIN(location_unread), 1, 61) AS example)
  ] AS columns) AS source_values,
  ABS(MOD(FARM_FINGERPRINT(unit_id), 2000)) AS bucket
FROM newest
GROUP BY unit_id
ORDER BY FARM_FINGERPRINT(CONCAT(@seed, unit_id)), unit_id
LIMIT 100