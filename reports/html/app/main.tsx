import { render } from 'preact';
import { App } from './app.js';
import { embeddedSource } from './embedded.js';
import './base.css';

const embedded = document.getElementById('page');
const root = document.getElementById('app');
if (root !== null) render(<App embedded={embedded === null ? undefined : embeddedSource(embedded)} />, root);
