import type { EncryptedColumn } from '@rekey/database'

/** What is said of an agent that may be about a person. */
export const agentEmail: EncryptedColumn = { table: 'agents', column: 'email', id: 'agent_id' }
export const agentOwner: EncryptedColumn = { table: 'agents', column: 'owner', id: 'agent_id' }

/** Where webhooks are sent, which may be a secret itself, and by what they are signed. */
export const webhookUrl: EncryptedColumn = { table: 'webhooks', column: 'url', id: 'webhook_id' }
export const webhookSecret: EncryptedColumn = { table: 'webhook_secrets', column: 'sealed_secret', id: 'secret_id' }

/** The columns that are encrypted by the keys of keyring `columns`, in the order in which a sweep goes through them. */
export const encryptedColumns: readonly EncryptedColumn[] = [agentEmail, agentOwner, webhookUrl, webhookSecret]

/** The name of their keyring. */
export const columnsKeyring = 'columns'
