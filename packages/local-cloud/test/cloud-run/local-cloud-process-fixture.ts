/* A separate local cloud for the test that kills it: deploys one service and prints its address. */
import { deploy, ECHO, echoOf, serviceOf, startHarness, upload } from './cloud-run-fixture.ts'

const [directory = ''] = process.argv.slice(2)
const harness = await startHarness({ directory })
upload(harness, 'echo.tar.gz', { 'server.mjs': ECHO })
await deploy(harness, 'echo', serviceOf('echo.tar.gz'))
const { pid, environment } = echoOf(await harness.call('echo'))
console.log(JSON.stringify({ pid, port: Number(environment['PORT']) }))
