WITH source AS (
  SELECT
    NULLIF(CAST(`asset_id` AS STRING), '') AS asset_id,
    IFNULL(NULLIF(CAST(observation_id AS STRING), ''), NULLIF(CAST(`gcs_uri` AS STRING), '')) AS observation_id,
    NULLIF(CAST(`gcs_uri` AS STRING), '') AS gcs_uri,
    CAST(snapshot_id AS STRING) AS snapshot_id,
    IF(ST_Y(location) BETWEEN -90 AND 90 AND ST_X(location) BETWEEN -180 AND 180, STRUCT(ST_Y(location) AS latitude, ST_X(location) AS longitude), NULL) AS location,
    SAFE_CAST(CAST(detection_time AS STRING) AS TIMESTAMP) AS detection_time,
    SAFE_CAST(CAST(capture_time AS STRING) AS TIMESTAMP) AS capture_time
  FROM `my-project.city.latest_observations`
  WHERE NULLIF(CAST(`asset_id` AS STRING), '') IS NOT NULL
), newest AS (
  SELECT *, asset_id AS unit_id FROM source
  WHERE asset_id IS NOT NULL
  QUALIFY ROW_NUMBER() OVER (PARTITION BY asset_id, observation_id ORDER BY snapshot_id DESC, capture_time DESC, gcs_uri) = 1
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
  ABS(MOD(FARM_FINGERPRINT(unit_id), 2000)) AS bucket
FROM newest
GROUP BY unit_id