import { Flags } from '@oclif/core'
import { LocalCloudCommand } from '../../cli/cloud-command.ts'
import { localToken } from '../../services/local/token.ts'

export default class LocalToken extends LocalCloudCommand {
  static override summary = 'Print a token for the local cloud'

  static override description =
    'Prints an access token, valid for one hour, for calling the running local cloud with gcloud, bq or curl (packages/local-cloud/docs/local-cloud.md). With --identity, prints an identity token for calling a service.'

  static override examples = [
    {
      description: 'For gcloud (auth/access_token_file), in a file that no other user can read',
      command: '(umask 077; <%= config.bin %> <%= command.id %> > token.txt)',
    },
    {
      description: 'For curl, without exposing the token to other users as an argument',
      command:
        'echo "Authorization: Bearer $(<%= config.bin %> <%= command.id %>)" | curl -H @- "$IMAGERY_LOCAL_REST/…"',
    },
    '<%= config.bin %> <%= command.id %> --identity https://imagery-main-1234.us-central1.run.app',
  ]

  static override flags = {
    account: Flags.string({
      description: 'service account to print a token for (default: the operator)',
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
