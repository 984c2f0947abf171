import type { SupportEntry } from '../../kernel/support.ts'

/** How much of Cloud Build is emulated, for packages/local-cloud/docs/emulator-support.md. */
export const SUPPORT: readonly SupportEntry[] = [
  {
    method: 'builds that Cloud Run submits',
    state: 'partly',
    note:
      'dockerBuild of a .tar.gz or .zip in Cloud Storage; refused by name: buildpackBuild, workerPool, machineType; ' +
      'the log is an object in the bucket NUMBER.cloudbuild-logs.googleusercontent.com, and a file that logUrl names',
  },
  {
    method: 'Dockerfile',
    state: 'partly',
    note:
      'one stage FROM an image of Node.js; ENV, WORKDIR, COPY with * and ?, USER (everything runs as you), CMD and ENTRYPOINT ' +
      'as lists; EXPOSE, LABEL and STOPSIGNAL have no effect; RUN accepts only `npm ci` (and `npm cache clean`), which ' +
      'links the versions installed with imagery; a CMD that names no file in the image fails the build',
  },
  {
    method: 'cloudbuild.projects.locations.builds.get, list; projects.locations.operations.get',
    state: 'partly',
    note: 'filters on `tags` and `status` with `=`, joined by AND; others are refused',
  },
  { method: 'cloudbuild.projects.builds.create, cancel, retry; triggers, worker pools, v2', state: 'no', note: '' },
]
