import { ImageryError } from '../../contracts/errors.ts'
import type { Step } from '../../contracts/steps.ts'
import { runChecksBeforeDeploy } from './doctor.ts'
import type { DeployContext } from '../deploy/context.ts'

/**
 * The first step of a deploy. It fails before anything is created if the deploy would stop halfway.
 *
 * @throws ImageryError PREFLIGHT_FAILED with the fixes
 */
export const preflight: Step<DeployContext> = {
  title: 'Preflight checks',
  async run({ target, runtimeFolder, warnings }) {
    const { obstacles, concerns, who } = await runChecksBeforeDeploy({ target, runtimeFolder })
    if (obstacles.length > 0) {
      const found = obstacles.map(({ title, detail }) => `${title}: ${detail}`).join('; ')
      throw new ImageryError('PREFLIGHT_FAILED', `imagery cannot be deployed here. ${found}`, {
        suggestions: [...obstacles.flatMap(({ fixes }) => fixes), `imagery doctor${target.flags}`],
      })
    }
    const found = concerns.map(({ title, detail }) => `${title}: ${detail}`)
    warnings.push(...found)
    return { done: [who, ...found].join('; ') }
  },
}
