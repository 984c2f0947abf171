import { ImageryError } from '../../contracts/errors.ts'
import { BUILD_REGION_LABEL } from '../../contracts/labels.ts'
import { bucketName } from '../../contracts/names.ts'
import { nearestFirst } from '../../contracts/regions.ts'
import type { StepReporter } from '../../contracts/steps.ts'
import { suggestedCommand } from '../../contracts/suggested-command.ts'
import {
  buildInProgress,
  finishBuild,
  isRegionRefusal,
  startBuild,
  type BuildRequest,
  type StartedBuild,
} from '../../google/admin/build.ts'
import { describeBucket, labelBucket } from '../../google/storage/bucket.ts'
import { CloudError } from '../../google/transport/errors.ts'
import type { DeployContext } from './context.ts'

/**
 * The regions in which every project may build
 * (https://cloud.google.com/build/docs/locations#restricted_regions_for_some_projects, as of 2026-11).
 */
export const UNRESTRICTED_BUILD_REGIONS: readonly string[] = [
  'asia-east1',
  'australia-southeast1',
  'europe-west1',
  'southamerica-east1',
  'us-central1',
  'us-west2',
]

/**
 * Builds the image, in the deployment's region if Cloud Build builds there for this project and else in the nearest
 * region where it does. Waits for a build of the same image that is in progress, for example from an interrupted
 * deploy. Returns the region.
 *
 * @throws ImageryError DEPLOYMENT_FAILED; CloudError
 */
export async function buildImage(
  context: DeployContext,
  request: BuildRequest,
  reporter: StepReporter,
): Promise<string> {
  const finish = async (build: StartedBuild): Promise<string> => {
    await finishBuild(request.projectId, build, (text) => reporter.detail(text), context.signal)
    return build.region
  }
  const regions = await knownRegions(context)
  for (const region of regions) {
    const running = await buildInProgress(request, region)
    if (!running) continue
    try {
      return await finish(running)
    } catch (error) {
      // What that build failed of can have passed.
      if (!(error instanceof CloudError) || error.status !== 'FAILED_PRECONDITION') throw error
      reporter.detail('the build of an earlier deploy failed; building again')
    }
  }
  return finish(await startedBuild(context, request, reporter, regions))
}

/** The regions in which this deployment may have built: the one that an earlier deploy has noted first. */
async function knownRegions({ target: { place } }: DeployContext): Promise<string[]> {
  const remembered = (await describeBucket(bucketName(place)))?.labels[BUILD_REGION_LABEL]
  return [...new Set([remembered ?? place.region, place.region])]
}

async function startedBuild(
  context: DeployContext,
  request: BuildRequest,
  reporter: StepReporter,
  known: readonly string[],
): Promise<StartedBuild> {
  const { place } = context.target
  const regions = [...new Set([...known, ...nearestFirst(place.region, UNRESTRICTED_BUILD_REGIONS)])]
  for (const region of regions) {
    if (region !== place.region)
      reporter.detail(`Cloud Build does not build in ${place.region} for this project; building in ${region}`)
    // First, so that a deploy that is interrupted after the start finds the build.
    if (region !== known[0]) await labelBucket(bucketName(place), { [BUILD_REGION_LABEL]: region })
    try {
      return await startBuild(request, region, (text) => reporter.detail(text))
    } catch (error) {
      if (!(error instanceof CloudError) || !isRegionRefusal(error, region)) throw error
    }
  }
  throw new ImageryError(
    'DEPLOYMENT_FAILED',
    `Cloud Build does not build for project ${place.projectId} in any of ${regions.join(', ')}`,
    {
      suggestions: [
        `${suggestedCommand('deploy --no-build', context.target.flags)}   (runs the source archive without a build)`,
        'https://cloud.google.com/build/docs/locations#restricted_regions_for_some_projects',
      ],
    },
  )
}
