WITH source AS (
  SELECT
    NULLIF(SAFE_CAST(`asset_id` AS STRING), '') AS asset_id,
    IFNULL(NULLIF(SAFE_CAST(observation_id AS STRING), ''), NULLIF(SAFE_CAST(`gcs_uri` AS STRING), '')) AS observation_id,
    IF(REGEXP_CONTAINS(NULLIF(SAFE_CAST(`gcs_uri` AS STRING), ''), r'^\s*(?:[A-Za-z][A-Za-z0-9+.-]+://|(?:[Ff][Ii][Ll][Ee]|[Dd][Bb][Ff][Ss]):/|[Dd][Aa][Tt][Aa]:)') AND NOT STARTS_WITH(LOWER(LTRIM(NULLIF(SAFE_CAST(`gcs_uri` AS STRING), ''))), 'file:'), NULLIF(SAFE_CAST(`gcs_uri` AS STRING), ''), CONCAT('gs://bucket/runs/261123-9f3c1a7b/images/', NULLIF(SAFE_CAST(`gcs_uri` AS STRING), ''))) AS gcs_uri,
    REGEXP_REPLACE(REGEXP_REPLACE(SAFE_CAST(snapshot_id AS STRING), r'([0-9]+)', r'0000000000000000000000000000000000000000\1'), r'0*([0-9]{40,})', r'\1') AS snapshot_id,
    IF(SAFE_CAST(location.latitude AS FLOAT64) BETWEEN -90 AND 90 AND SAFE_CAST(location.longitude AS FLOAT64) BETWEEN -180 AND 180, STRUCT(SAFE_CAST(location.latitude AS FLOAT64) AS latitude, SAFE_CAST(location.longitude AS FLOAT64) AS longitude), NULL) AS location,
    detection_time AS detection_time,
    capture_time AS capture_time
  FROM `my-project.city.latest_observations`
  WHERE NULLIF(SAFE_CAST(`asset_id` AS STRING), '') IS NOT NULL AND (
asset_type = 'ASSET_CLASS_ROAD_SIGN'
)
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
  ABS(MOD(FARM_FINGERPRINT(unit_id), 2000)) AS bucket
FROM newest
GROUP BY unit_id
ORDER BY unit_id
LIMIT 10