import { serviceVariableUses, type VariableUses } from '@rekey/service'

const clientSecret = { kind: 'client-secret' } as const
const notUsed = { public: 'a path, or a duration' } as const

/** Every variable of the backend for frontend that holds a secret, or sounds as if it did. */
export const variableUses: VariableUses = {
  ...serviceVariableUses,
  REKEY_BFF_ADMIN_TOKEN: { kind: 'bff-admin-token' },
  AUTH_CLIENT_SECRET: clientSecret,
  OIDC_CLIENT_SECRET: clientSecret,
  AUTH_CLIENT_SECRET_OVERLAP: notUsed,
  BFF_JWT_SIGNING_KEY: { kind: 'client-key' },
  DCR_SIGNING_KEY: { listedAs: 'keyring bff-client: it says where its newest key lies' },
  DCR_KEY_ALG: { public: 'the name of an algorithm' },
  BFF_KEYS_DIR: { listedAs: 'keyring bff-client: it says where its keys lie' },
  MS_BFF_TOKEN_AUTH_METHOD: { public: 'the name of a method' },
  BFF_JWK_MAX_KEYS: { public: 'a number' },
  DCR_ACCESS_TOKEN: { kind: 'registration-access-token' },
  DCR_IAT: { kind: 'initial-access-token' },
  BOOTSTRAP_ADMIN_TOKEN: { kind: 'bootstrap-token' },
  BFF_CLIENT_CRED_PATH: { listedAs: 'registration-access-token of the identity provider: it says where that lies' },
  TOKEN_HASH_SALT: { listedAs: 'keyring token-hash' },
  UA_HASH_SALT: { listedAs: 'keyring ua-hash' },
  CSRF_SECRET_KEY: { listedAs: 'keyring csrf' },
  STATE_TOKEN_KEY: { listedAs: 'keyring state' },
  REKEY_OIDC_BFF_SECRET: { listedAs: 'keyring session' },
  FLUXLIT_OIDC_BFF_SECRET: { listedAs: 'keyring session' },
  REKEY_JWT_HS256_SECRET: { kind: 'shared-secret' },
  FLUXLIT_JWT_HS256_SECRET: { kind: 'shared-secret' },
}
