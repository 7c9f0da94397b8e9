// A real OpenID Connect provider (npm `oidc-provider`) for the tests. It logs in whoever its form names and speaks plain
// HTTP on loopback. Arguments: port, where to send people back to after a login, and the folder of its package.
import { createRequire } from 'node:module';
import { generateKeyPairSync } from 'node:crypto';
import { createServer } from 'node:http';
import { pathToFileURL } from 'node:url';

const [port, redirect, modules] = process.argv.slice(2);
const require = createRequire(`${modules}/`);
const { default: Provider } = await import(pathToFileURL(require.resolve('oidc-provider')));

const issuer = `http://127.0.0.1:${port}`;
const key = (kid) => ({ ...generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ format: 'jwk' }), kid, use: 'sig', alg: 'ES256' });
const groups = { anna: ['developers', 'shop'], boris: [] };
const make = (kid) => new Provider(issuer, {
  clients: [{
    client_id: 'lapidary', client_secret: 'a secret: with/odd+letters', redirect_uris: [redirect],
    post_logout_redirect_uris: [new URL('/', redirect).href], id_token_signed_response_alg: 'ES256',
    grant_types: ['authorization_code'], response_types: ['code'],
  }],
  claims: { openid: ['sub'], profile: ['preferred_username'], groups: ['groups'] },
  scopes: ['openid', 'profile', 'groups'],
  conformIdTokenClaims: true,
  jwks: { keys: [key(kid)] },
  pkce: { required: () => true },
  features: { devInteractions: { enabled: true } },
  cookies: { keys: ['for tests only'] },
  findAccount: (_, id) => ({ accountId: id, claims: () => ({ sub: id, preferred_username: id.toUpperCase(), groups: groups[id] ?? [] }) }),
});

let provider = make('first');
createServer((request, response) => {
  // Changes its keys, as providers do from time to time.
  if (request.url === '/rotate') { provider = make('second'); response.end('rotated'); return; }
  provider.callback()(request, response);
}).listen(Number(port), '127.0.0.1', () => console.log('ready'));
