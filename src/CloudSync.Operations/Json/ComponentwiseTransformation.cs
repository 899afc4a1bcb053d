// Transforming operations that are rows of components, each made on what those before it leave, with nothing but the
// rule for two components: how json0 and its text0 do it.

namespace CloudSync.Operations;

/// <summary>The rules of a type whose operations are rows of components.</summary>
internal interface IComponentRules<T>
{
    /// <summary>Adds what becomes of a component after a concurrent one: nothing, or one component or more.</summary>
    static abstract void Transform(List<T> to, T component, T over, Side side, ref JsonWork work);

    /// <summary>Adds a component behind others, merged with the last where that can be.</summary>
    static abstract void Append(List<T> to, T component, ref JsonWork work);
}

internal static class ComponentwiseTransformation<T, TRules>
    where TRules : IComponentRules<T>
{
    public static List<T> Transform(List<T> operation, List<T> over, Side side, ref JsonWork work)
    {
        if (over.Count == 0)
            return operation;
        if (operation.Count == 1 && over.Count == 1)
        {
            var result = new List<T>(1);
            work.Count(1);
            TRules.Transform(result, operation[0], over[0], side, ref work);
            return result;
        }

        return side == Side.Left
            ? TransformBoth(operation, over, ref work).Left
            : TransformBoth(over, operation, ref work).Right;
    }

    // Each component on the right goes over all on the left, which go over it. Where one becomes more than one, both have
    // to go over the rest of the left: that is the same task again, with its own row of results. It is kept on a stack of
    // our own, for it may be as deep as there are components.
    private static (List<T> Left, List<T> Right) TransformBoth(List<T> left, List<T> right, ref JsonWork work)
    {
        var tasks = new Stack<Task>();
        var task = new Task(left, right);
        while (true)
        {
            if (task.Step(ref work) is { } inner)
            {
                tasks.Push(task);
                task = inner;
            }
            else if (task.IsDone)
            {
                if (!tasks.TryPop(out var outer))
                    return (task.Left, task.NewRight);
                outer.Take(task, ref work);
                task = outer;
            }
        }
    }

    private sealed class Task(List<T> left, List<T> right)
    {
        private readonly List<T> _right = right;
        private readonly List<T> _becomes = new(1);
        private List<T> _newLeft = new(left.Count);
        private int _next;

        public List<T> Left { get; private set; } = left;

        public List<T> NewRight { get; } = new(right.Count);

        public bool IsDone => _next == _right.Count;

        /// <summary>Takes the next on the right over the left. Returns what has to be done in between, if it parts.</summary>
        public Task? Step(ref JsonWork work)
        {
            if (IsDone)
                return null;
            var component = _right[_next];
            var becomes = _becomes;
            for (var k = 0; k < Left.Count; k++)
            {
                work.Count(1);
                becomes.Clear();
                TRules.Transform(_newLeft, Left[k], component, Side.Left, ref work);
                TRules.Transform(becomes, component, Left[k], Side.Right, ref work);
                if (becomes.Count == 1)
                {
                    component = becomes[0];
                    continue;
                }

                if (becomes.Count > 1)
                    return new Task(Left.GetRange(k + 1, Left.Count - k - 1), [.. becomes]);
                work.Count(Left.Count - k - 1);
                for (var rest = k + 1; rest < Left.Count; rest++)
                    TRules.Append(_newLeft, Left[rest], ref work);
                End();
                return null;
            }

            TRules.Append(NewRight, component, ref work);
            End();
            return null;
        }

        /// <summary>Takes what came of the task in between.</summary>
        public void Take(Task inner, ref JsonWork work)
        {
            work.Count(inner.Left.Count + inner.NewRight.Count);
            foreach (var component in inner.Left)
                TRules.Append(_newLeft, component, ref work);
            foreach (var component in inner.NewRight)
                TRules.Append(NewRight, component, ref work);
            End();
        }

        private void End()
        {
            Left = _newLeft;
            _newLeft = new(Left.Count);
            _next++;
        }
    }
}
