import { describe, expect, it } from '@jest/globals';
import { AbortContext } from '../abort/index.js';
import { ConfigError, loadConfig } from '../config/index.js';
import { Models } from './models.js';

const ENV = { OPENAI_API_KEY: 'sk-1' };

describe('the models', () => {
  it.each(['LLM_MODEL', 'VISION_MODEL'])('stop the start in one line where %s is of no provider that is known', async (name) => {
    const opening = new Models(loadConfig({ ...ENV, [name]: 'nobody:nothing' }), new AbortContext()).onModuleInit();
    await expect(opening).rejects.toBeInstanceOf(ConfigError);
    await expect(opening).rejects.toThrow(new RegExp(`^${name} nobody:nothing cannot be opened: [^\\n]+$`));
  });

  it('have none that sees unless one is named, and then never take another for it', async () => {
    const models = new Models(loadConfig(ENV), new AbortContext());
    await models.onModuleInit();
    expect(models.canSee).toBe(false);
    expect(() => models.get('vision')).toThrow(/VISION_MODEL/);
    expect(() => models.nameOf('vision')).toThrow(/VISION_MODEL/);
    expect([models.nameOf('chat'), models.description]).toEqual(['gpt-4o-mini', 'openai:gpt-4o-mini']);
  });
});
