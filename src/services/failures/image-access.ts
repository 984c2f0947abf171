import { ImageryError } from '../../contracts/errors.ts'
import { CloudError } from '../../google/transport/errors.ts'

/** Cloud Run's words, for its service agent and for the deployer (https://cloud.google.com/run/docs/troubleshooting). */
const UNREADABLE = /must have permission to read the image, ?(\S+?)[.,]?(?:\s|$)/

/** `REGION-docker.pkg.dev/PROJECT/REPOSITORY/IMAGE` */
const ARTIFACT = /^([a-z0-9-]+)-docker\.pkg\.dev\/([^/]+(?:\/[^/]+)?)\/([^/]+)\/[^/]+$/

/**
 * Returns the error for an image in another project, with the commands that let it be deployed: Cloud Run's service agent
 * reads the image, and the deployer must be allowed to
 * (https://cloud.google.com/run/docs/deploying#other-projects). Returns undefined for any other failure.
 *
 * @param deployer the caller as an IAM member
 * @param projectNumber number of the project that the services run in
 */
export function imageAccessFailure(
  error: unknown,
  { deployer, projectNumber }: { deployer: string; projectNumber: string },
): ImageryError | undefined {
  const cause = error instanceof ImageryError ? error.cause : error
  if (!(cause instanceof CloudError)) return undefined
  const image = UNREADABLE.exec(cause.message)?.[1]
  if (image === undefined) return undefined
  const role = 'roles/artifactregistry.reader'
  const agent = `serviceAccount:service-${projectNumber}@serverless-robot-prod.iam.gserviceaccount.com`
  const [, location = 'LOCATION', project = 'PROJECT', repository = 'REPOSITORY'] =
    ARTIFACT.exec(image.replace(/(@sha256:.*|:[^/]*)$/, '')) ?? []
  const grant = (member: string, who: string): string =>
    `gcloud artifacts repositories add-iam-policy-binding ${repository} --project ${project} --location ${location} --member ${member} --role ${role}   (${who})`
  return new ImageryError(
    'ACCESS_DENIED',
    `Cloud Run may not read the image ${image}. Its service agent and the deployer need ${role} on the repository ${repository} of project ${project}: ${cause.message}`,
    { suggestions: [grant(agent, "Cloud Run's service agent"), grant(deployer, 'the deployer')], cause },
  )
}
