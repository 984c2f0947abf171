import { Flags } from '@oclif/core'
import { LocalCloudCommand } from '../../cli/cloud-command.ts'
import { localToken } from '../../services/local/token.ts'

export default class LocalToken extends LocalCloudCommand {
  static override summary = 'Print a token of the local cloud'

  static override description =
    'An access token, good for an hour, with which gcloud, bq and curl may ask the local cloud that is running (packages/local-cloud/docs/local-cloud.md); or an identity token, with which a service may be called.'

  static override examples = [
    {
      description: 'For gcloud (auth/access_token_file), in a file that no other user can read',
      command: '(umask 077; <%= config.bin %> <%= command.id %> > token.txt)',
    },
    {
      description: 'For curl, without showing it to other users as an argument',
      command:
        'echo "Authorization: Bearer $(<%= config.bin %> <%= command.id %>)" | curl -H @- "$IMAGERY_LOCAL_REST/…"',
    },
    '<%= config.bin %> <%= command.id %> --identity https://imagery-main-1234.us-central1.run.app',
  ]

  static override flags = {
    account: Flags.string({
      description: "service account whose token it is; the operator's without",
      helpValue: 'EMAIL',
    }),
    identity: Flags.string({
      description: 'print an identity token for this audience instead of an access token',
      helpValue: 'AUDIENCE',
    }),
  }

  async run(): Promise<{ token: string }> {
    const { flags } = await this.parse(LocalToken)
    const { account, identity: audience } = flags
    const dataDirectory = this.dataDirectory(flags['data-dir'])
    const token = await this.interruptible((waiting) => localToken(dataDirectory, { ...waiting, account, audience }))
    this.log(token)
    return { token }
  }
}
