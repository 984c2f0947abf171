import { submitBuildNeeds } from '../cloud-build/index.ts'
import type { Demand } from '../../kernel/api.ts'
import { actAs, need, NOTHING, projectOf } from '../../kernel/needs.ts'
import type { Service } from './resources.ts'

// eslint-disable-next-line typescript/no-explicit-any -- requests are of as many types as there are methods
type Needs = Record<string, (request: any) => readonly Demand[]>

interface Named {
  name: string
}
interface OfResource {
  resource: string
}

/** The permission to call a service (https://cloud.google.com/run/docs/authenticating/overview). */
export const INVOKE = 'run.routes.invoke'

/** The permissions of the methods, by full name (https://cloud.google.com/run/docs/reference/iam/permissions). */
export const RUN_NEEDS: Needs = {
  'google.cloud.run.v2.Services/CreateService': ({ parent, service }: { parent: string; service: Service | null }) => [
    ...need('run.services.create', parent),
    ...deployNeeds(parent, service),
  ],
  'google.cloud.run.v2.Services/GetService': ({ name }: Named) => need('run.services.get', name),
  'google.cloud.run.v2.Services/ListServices': ({ parent }: { parent: string }) => need('run.services.list', parent),
  'google.cloud.run.v2.Services/UpdateService': ({ service, allowMissing }: UpdateRequest) => {
    const name = service?.name ?? ''
    return [
      ...need('run.services.update', name),
      ...(allowMissing ? need('run.services.create', projectOf(name)) : []),
      ...deployNeeds(name, service),
    ]
  },
  'google.cloud.run.v2.Services/DeleteService': ({ name }: Named) => need('run.services.delete', name),
  'google.cloud.run.v2.Services/GetIamPolicy': ({ resource }: OfResource) =>
    need('run.services.getIamPolicy', resource),
  'google.cloud.run.v2.Services/SetIamPolicy': ({ resource }: OfResource) =>
    need('run.services.setIamPolicy', resource),
  'google.cloud.run.v2.Services/TestIamPermissions': NOTHING,
  'google.cloud.run.v2.Revisions/GetRevision': ({ name }: Named) => need('run.revisions.get', name),
  'google.cloud.run.v2.Revisions/ListRevisions': ({ parent }: { parent: string }) => need('run.revisions.list', parent),
  'google.cloud.run.v2.Builds/SubmitBuild': submitBuildNeeds,
}

/** The permission to read an operation. */
export function operationNeeds(name: string): readonly Demand[] {
  return need('run.operations.get', projectOf(name))
}

interface UpdateRequest {
  service: Service | null
  allowMissing: boolean
}

/**
 * A deployer needs permission to act as the service's account
 * (https://cloud.google.com/run/docs/reference/iam/roles#additional-configuration), and to read a source
 * archive that is deployed without a build.
 */
function deployNeeds(resource: string, service: Service | null): Demand[] {
  const archives = (service?.template?.containers ?? []).flatMap(
    ({ sourceCode }) => sourceCode?.cloudStorageSource ?? [],
  )
  return [
    ...actAs(service?.template?.serviceAccount, resource),
    ...archives.flatMap(({ bucket, object }) =>
      need('storage.objects.get', `projects/_/buckets/${bucket}/objects/${object}`),
    ),
  ]
}
