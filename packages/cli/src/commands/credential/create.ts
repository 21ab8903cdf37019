import type { Command } from 'commander'
import { findAgent } from '../../client/agents.ts'
import { createCredential } from '../../client/credentials.ts'
import { print, type Shell } from '../../shell.ts'
import { managementOf, newCommand, wantsJson } from '../command.ts'
import { agentArgument, defined, moment } from '../words.ts'
import { readPublicJwk } from './public-jwk.ts'
import { issuedText } from './text.ts'

interface CreateOptions {
  expiresAt?: string
  jwk?: string
}

/** `rekey credential create AGENT`: one more credential, beside those that it has. */
export function createCommand(shell: Shell): Command {
  return newCommand('create', 'give an agent one more credential and print it, once')
    .addArgument(agentArgument())
    .option('--expires-at <time>', 'when it ends by itself', moment)
    .option('--jwk <file>', 'a public key as JWK: the agent signs assertions (private_key_jwt), and no secret is made')
    .action(async (name: string, { expiresAt, jwk }: CreateOptions, command: Command) => {
      const key = jwk === undefined ? {} : { kind: 'client-key' as const, jwk: readPublicJwk(jwk, shell.folder) }
      const client = managementOf(shell, 'agents:read', 'agents:write')
      const agent = await findAgent(client, name)
      const json = await createCredential(client, agent, { ...defined({ expiresAt }), ...key })
      print(shell, wantsJson(command), { json, text: issuedText(json) })
    })
}
