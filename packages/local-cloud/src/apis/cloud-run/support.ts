import type { SupportEntry } from '../../kernel/support.ts'

/** How much of Cloud Run is emulated, for packages/local-cloud/docs/emulator-support.md. */
export const SUPPORT: readonly SupportEntry[] = [
  {
    method: 'google.cloud.run.v2.Services/CreateService',
    state: 'partly',
    note:
      'one container, started by `node`, from an image in the local Artifact Registry or from a source archive (image "scratch") ' +
      'on a Node.js base image; refused by name: images of other registries, sidecars, volumes, secrets, GPU, VPC, ingress NONE, IAP, Binary Authorization, multi-region, ' +
      'buildConfig, session affinity, manual scaling, h2c, gRPC and readiness probes, a second project',
  },
  { method: 'google.cloud.run.v2.Services/GetService', state: 'yes', note: '' },
  {
    method: 'run.projects.locations.services.list (Admin API v1)',
    state: 'partly',
    note: 'for `gcloud run services list`: images, commands, conditions and URL of each service; no paging, no selectors',
  },
  {
    method: 'run.projects.locations.list (Admin API v1)',
    state: 'yes',
    note: "Google's regions; services can be in any of them",
  },
  {
    method: 'google.cloud.run.v2.Services/ListServices',
    state: 'yes',
    note: 'at most 100 per page; showDeleted finds nothing',
  },
  {
    method: 'google.cloud.run.v2.Services/UpdateService',
    state: 'partly',
    note: 'same as CreateService; all traffic goes to the latest or to one named revision, without splits or tags',
  },
  {
    method: 'google.cloud.run.v2.Services/DeleteService',
    state: 'yes',
    note: 'permanent, without an undelete period',
  },
  { method: 'google.cloud.run.v2.Services/GetIamPolicy', state: 'yes', note: '' },
  {
    method: 'google.cloud.run.v2.Services/SetIamPolicy',
    state: 'partly',
    note: 'no conditions, no audit configuration',
  },
  {
    method: 'google.cloud.run.v2.Services/TestIamPermissions',
    state: 'partly',
    note: 'same as for the project: predefined roles without conditions',
  },
  { method: 'google.cloud.run.v2.Revisions/GetRevision', state: 'yes', note: '' },
  { method: 'google.cloud.run.v2.Revisions/ListRevisions', state: 'yes', note: 'sorted by name' },
  { method: 'google.cloud.run.v2.Revisions/DeleteRevision', state: 'no', note: '' },
  { method: 'google.cloud.run.v2.Builds/SubmitBuild', state: 'partly', note: 'see Cloud Build' },
  { method: 'google.cloud.run.v2.Jobs', state: 'no', note: '' },
  { method: 'google.cloud.run.v2.WorkerPools', state: 'no', note: '' },
  { method: 'google.cloud.run.v2.Instances', state: 'no', note: '' },
  {
    method: 'google.longrunning.Operations/GetOperation',
    state: 'yes',
    note: 'finished operations are kept for a day',
  },
  { method: 'google.longrunning.Operations/WaitOperation', state: 'yes', note: '' },
  { method: 'google.longrunning.Operations/ListOperations', state: 'no', note: '' },
  { method: 'google.longrunning.Operations/DeleteOperation', state: 'no', note: '' },
  {
    method: 'https://SERVICE-NUMBER.REGION.run.app',
    state: 'partly',
    note:
      'identity tokens, audiences, invoker role, timeout, 32 MiB limits, concurrency, scaling to zero after 15 minutes; ' +
      'at most 2 processes per revision, with another started when all are full; CPU and memory limits are not ' +
      'enforced; no WebSockets, no streaming to the caller; groups have no members',
  },
]
