import { serviceVariableUses, type VariableUses } from '@rekey/service'

/** Every variable of the identity provider that holds a secret, or sounds as if it did. */
export const variableUses: VariableUses = {
  ...serviceVariableUses,
  VAULT_TOKEN: { kind: 'vault-token' },
  REKEY_COLUMN_KEY: { listedAs: 'keyring columns' },
  REKEY_LEGACY_COLUMN_KEY: { kind: 'legacy-encryption-key' },
  ENCRYPTION_KEY_VAULT_PATH: { public: 'says where the keys of columns lie' },
  REKEY_COLUMN_ROTATE_EVERY: { public: 'a duration' },
  REKEY_EVIDENCE_KEY: { kind: 'evidence-signing-key' },
  INTERNAL_JWKS_REFRESH_TOKEN: { kind: 'refresh-token' },
  REKEY_BFF_ADMIN_TOKEN: { kind: 'bff-admin-token' },
  REKEY_ADMIN_CLIENT_SECRET: { listedAs: 'the credential of the agent that REKEY_ADMIN_CLIENT_ID names' },
  REKEY_ADMIN_PASSWORD: { kind: 'account-password' },
  REKEY_ACCESS_TOKEN_TTL: { public: 'a duration' },
  REKEY_REFRESH_TOKEN_TTL: { public: 'a duration' },
  REKEY_CLIENT_MAX_KEYS: { public: 'a number' },
  OIDC_FORCE_KEY_ROTATION: { public: 'a switch' },
}
