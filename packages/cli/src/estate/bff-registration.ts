import { ManagementClient } from '../client/management.ts'
import { readClient } from '../client/registration/clients.ts'
import { createInitialAccessToken } from '../client/registration/initial-access-tokens.ts'
import { CliError, messageOf } from '../error.ts'
import type { Shell } from '../shell.ts'
import type { Estate } from './document.ts'
import type { BffHome } from './home.ts'
import { bffClient } from './parts.ts'
import { writePrivateFile } from './private-file.ts'

// It registers at once.
const goodForS = 600

interface Options extends Pick<Shell, 'fetch' | 'now'> {
  tell: (line: string) => void
}

/**
 * Whether the IdP knows no client of the backend's name yet. Then what it registers by is put into the home: good for this
 * client alone.
 *
 * An administrator who is shut out keeps no estate from starting: the backend that is registered needs nothing of this, and one that
 * is not says so itself.
 */
export async function mustRegister(
  idp: Pick<Estate, 'idp' | 'idps' | 'admin'>,
  home: BffHome,
  { tell, ...shell }: Options,
): Promise<boolean> {
  const client = new ManagementClient({ apis: [], ...idp }, shell)
  try {
    if (await isRegistered(client)) return false
    const bound = { client_id: bffClient, client_profile: bffClient }
    const { token } = await createInitialAccessToken(client, {
      label: 'bff',
      expires_in: goodForS,
      max_usages: 1,
      ...bound,
    })
    writePrivateFile(home.initialAccessFile, `${token}\n`)
    return true
  } catch (error) {
    if (!(error instanceof CliError)) throw error
    tell(`Whether the BFF is registered was not looked at: ${messageOf(error)}.`)
    return false
  }
}

async function isRegistered(client: ManagementClient): Promise<boolean> {
  try {
    await readClient(client, bffClient)
    return true
  } catch (error) {
    if (error instanceof CliError && error.facts.status === 404) return false
    throw error
  }
}
