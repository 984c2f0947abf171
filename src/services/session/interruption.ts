export { cancelJobsOn as cancelQueriesOn, jobsSettled as queriesSettled } from '../../google/bigquery/jobs-in-flight.ts'
