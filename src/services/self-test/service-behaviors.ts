import { DEFAULT_GEMINI_MODEL } from '../../contracts/model-options.ts'
import { invokerAccount, mainService } from '../../contracts/names.ts'
import { countTokens } from '../../google/gemini.ts'
import { callApi } from '../../google/rest/rest.ts'
import { callWithoutToken } from '../../google/cloud-run/invoke.ts'
import { deleteObject, writeObject } from '../../google/storage/storage.ts'
import { CloudError } from '../../google/transport/errors.ts'
import { asExpected, different, expectStatus, notObserved, statusOf, type Behavior } from './behavior.ts'

const noToken: Behavior = {
  id: 'run.no_token',
  title: 'Cloud Run refuses a call without a token',
  async observe({ deployment }) {
    const status = await callWithoutToken(deployment.mainUrl, '/setup')
    return [401, 403].includes(status) ? asExpected(`HTTP ${status}`) : different(`HTTP ${status}; expected 401 or 403`)
  },
}

const privateServices: Behavior = {
  id: 'run.policy',
  title: 'Only the invoker can call imagery-main',
  async observe({ target }) {
    const { projectId, region } = target.place
    const { bindings = [] } = await callApi<{ bindings?: { role: string; members?: string[] }[] }>(
      'run',
      `v2/projects/${projectId}/locations/${region}/services/${mainService(target.place)}:getIamPolicy`,
    )
    const callers = bindings.filter(({ role }) => role === 'roles/run.invoker').flatMap(({ members = [] }) => members)
    const expected = `serviceAccount:${invokerAccount(target.place)}`
    const isPrivate = callers.length > 0 && callers.every((member) => member === expected)
    return isPrivate ? asExpected('1 member') : different(`${callers.length} members, expected the invoker alone`)
  },
}

const objectOnce: Behavior = {
  id: 'storage.generation_match',
  title: 'Cloud Storage refuses to create an object that exists',
  async observe({ deployment, id }) {
    const uri = `gs://${deployment.bucket}/self-test/${id}.txt`
    const path = `upload/storage/v1/b/${deployment.bucket}/o`
    try {
      await writeObject(uri, Buffer.from('once'), { contentType: 'text/plain' })
      const again = callApi('storage', path, {
        query: { uploadType: 'media', name: `self-test/${id}.txt`, ifGenerationMatch: '0' },
        body: {},
      })
      return await expectStatus(again, 'the object created again', 'FAILED_PRECONDITION')
    } finally {
      await statusOf(deleteObject(uri))
    }
  },
}

const tokens: Behavior = {
  id: 'vertex.count_tokens',
  title: `Vertex AI counts tokens for ${DEFAULT_GEMINI_MODEL}`,
  async observe({ target }) {
    try {
      const model = DEFAULT_GEMINI_MODEL
      const count = await countTokens({ projectId: target.place.projectId, location: 'global', model })
      return count > 0 ? asExpected(`${count} tokens`) : different(`${count} tokens`)
    } catch (error) {
      if (error instanceof CloudError && error.status === 'UNIMPLEMENTED') return notObserved(error.message)
      throw error
    }
  },
}

export const SERVICE_BEHAVIORS: readonly Behavior[] = [noToken, privateServices, objectOnce, tokens]
