// npm oidc-provider as a peer of the load bench: two machine clients, access tokens as JWT under ES256, everything in memory.
import { generateKeyPairSync } from 'node:crypto';
import Provider from 'oidc-provider';

const port = Number(process.argv[2]);
const clientKeys = JSON.parse(process.argv[3]);
const issuer = `http://localhost:${port}`;
const key = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ format: 'jwk' });

const provider = new Provider(issuer, {
  jwks: { keys: [{ ...key, kid: 'bench', use: 'sig', alg: 'ES256' }] },
  clients: [{
    client_id: 'machine', client_secret: 'machine-secret-0123456789-0123456789',
    grant_types: ['client_credentials'], response_types: [], redirect_uris: [], id_token_signed_response_alg: 'ES256',
  }, {
    client_id: 'keyed', token_endpoint_auth_method: 'private_key_jwt', jwks: clientKeys,
    grant_types: ['client_credentials'], response_types: [], redirect_uris: [], id_token_signed_response_alg: 'ES256',
  }],
  scopes: ['openid', 'api:read'],
  features: {
    devInteractions: { enabled: false },
    clientCredentials: { enabled: true },
    dPoP: { enabled: true },
    resourceIndicators: {
      enabled: true,
      defaultResource: () => 'urn:example:api',
      getResourceServerInfo: () => ({ scope: 'api:read', accessTokenFormat: 'jwt', jwt: { sign: { alg: 'ES256' } }, accessTokenTTL: 600 }),
    },
  },
});
provider.listen(port, '127.0.0.1');
