export { cancelJobsOn as cancelQueriesOn, jobsSettled as queriesSettled } from '../google/jobs-in-flight.ts'
