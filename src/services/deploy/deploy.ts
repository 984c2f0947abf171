import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { ImageryError } from '../../contracts/errors.ts'
import { bucketName, mainService, populateService } from '../../contracts/names.ts'
import { INGRESS } from '../../google/cloud-run/services.ts'
import { DEFAULT_DEPLOY_OPTIONS, type DeployContext, type DeployedContext, type DeployOptions } from './context.ts'
import { deploymentJson, type DeploymentJson, type Target } from '../session/target.ts'

export { modelOrigins } from './model-origins.ts'
export { MAIN_INSTANCES } from './services.ts'
export { deployPlan, deploySteps, type PlannedStep } from './steps.ts'

/** The values of `--ingress`, by Cloud Run's names. */
export const INGRESS_CHOICES = Object.keys(INGRESS) as (keyof typeof INGRESS)[]

/** The JSON document of `imagery deploy`. */
export interface DeployResult extends DeploymentJson {
  bucket: string
  main_url: string
  populate_url: string
  services: { name: string; url: string; outcome: string }[]
}

export function deployContext(
  target: Target,
  runtimeFolder: string,
  options: Partial<DeployOptions> = {},
): DeployContext {
  return {
    target,
    runtimeFolder,
    options: { ...DEFAULT_DEPLOY_OPTIONS, ...options },
    off: new Set(),
    allowedInstances: {},
    outcomes: {},
    warnings: [],
  }
}

export function deployResult(context: DeployedContext): DeployResult {
  const { target, mainUrl, populateUrl, outcomes } = context
  const main = mainService(target.place)
  const populate = populateService(target.place)
  return {
    ...deploymentJson(target.place),
    bucket: bucketName(target.place),
    main_url: mainUrl,
    populate_url: populateUrl,
    services: [
      { name: main, url: mainUrl, outcome: outcomes[main] ?? '' },
      { name: populate, url: populateUrl, outcome: outcomes[populate] ?? '' },
    ],
  }
}

/** Returns the folder of the built runtime in an installed imagery. */
export async function builtRuntime(root: string): Promise<string> {
  const folder = path.join(root, 'dist', 'runtime')
  await readFile(path.join(folder, 'package.json')).catch((error: unknown) => {
    throw new ImageryError('DEPLOYMENT_FAILED', `The runtime is not built: ${folder} is missing`, {
      suggestions: ['npm run build'],
      cause: error,
    })
  })
  return folder
}
