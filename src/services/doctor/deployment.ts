import { deployContext, deployPlan } from '../deploy/deploy.ts'
import { pendingChanges } from '../deploy/context.ts'
import { deploymentText } from '../session/target.ts'
import { ok, unknown, warning, type Check } from './check.ts'

/** The finding lists this many changes; a first deploy has more. */
const NAMED_CHANGES = 5

export const deploymentState: Check = {
  name: 'deployment',
  title: 'Deployment',
  async run({ target, runtimeFolder, deployment }) {
    const fix = `imagery deploy${target.flags}`
    if (!deployment) return warning(`imagery is not deployed in ${deploymentText(target.place)}`, fix)
    if (deployment === 'hidden')
      return unknown(`this account is not allowed to see what is deployed in ${deploymentText(target.place)}`)
    const plan = await deployPlan(deployContext(target, runtimeFolder), () => undefined)
    const changes = plan.flatMap((step) => pendingChanges(step.changes))
    if (changes.length === 0) return ok(`${deploymentText(target.place)}, up to date with this version`)
    const named = changes.slice(0, NAMED_CHANGES).map(({ action, resource }) => `${action} ${resource}`)
    const more = changes.length > NAMED_CHANGES ? `, and ${changes.length - NAMED_CHANGES} more` : ''
    return warning(`not up to date with this version; a deploy would ${named.join(', ')}${more}`, fix)
  },
}
