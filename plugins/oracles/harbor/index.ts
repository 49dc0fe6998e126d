export { graderModules } from './grader.js';
export { rowOf } from './row.js';
export { type Task, taskOf } from './task.js';
